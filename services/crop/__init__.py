"""The crop worker: photos in, rectified parts out."""

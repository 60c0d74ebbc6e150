"""Who is told of what, where, when and how."""

"""Model cards for tests."""

from shared.models.card import Calibration, DataSummary, ModelCard


def a_card(threshold: float) -> ModelCard:
    """A card that says nothing but its threshold."""
    return ModelCard(
        calibration=Calibration(rule="manual", threshold=threshold, good_parts=0, damaged_parts=0),
        metrics={},
        data=DataSummary(
            name="test",
            digest="0" * 64,
            train_good=8,
            calibration_good=0,
            calibration_damaged=0,
            test_good=0,
            test_damaged=0,
        ),
        protocol="clean",
        code_version="test",
        weights_are_random=True,
    )

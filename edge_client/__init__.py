"""Store-and-forward client beside the device. It knows the wire contract and nothing of the platform."""

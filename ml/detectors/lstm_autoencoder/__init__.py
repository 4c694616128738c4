"""The LSTM autoencoder (S2-018..024): `network`, its `training`, and its public face, `detector`."""

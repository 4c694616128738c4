"""The sequence model of remaining life: `network`, its `training`, and its public face, `estimator`."""

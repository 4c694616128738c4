"""The whole platform as processes on one machine: `make up` and `make demo`. Nothing here runs in a deployment."""

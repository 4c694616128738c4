"""The endpoints, one file per subject: they take a request apart, call one service, and answer. No SQL, no rules."""

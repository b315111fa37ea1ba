"""Published hyper-parameters."""

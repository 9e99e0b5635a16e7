"""Training a challenger again from what has been played since: step after step, each recorded and able to say no."""

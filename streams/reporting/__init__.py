"""Pages that tell of a backtest."""

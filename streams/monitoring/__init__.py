"""What is counted of predictions, window by window, and the reports which follow."""

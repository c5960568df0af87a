"""What answers customers: rules, pacing, and the path of one message to its one reply."""

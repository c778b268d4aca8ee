"""What makes the method quick, or says what memory it takes, without changing what it computes."""

"""What answers mean: from the values that a device gives to the words that facts are made of."""

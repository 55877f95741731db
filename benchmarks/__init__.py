"""What the main jobs cost beside the tools that do them today, accuracy checked in the same run."""

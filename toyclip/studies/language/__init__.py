"""Studies of the two chapters about language models: what they held before they were adapted, and what that decides."""

"""What tests of several rooms use: few helpers, in one place."""

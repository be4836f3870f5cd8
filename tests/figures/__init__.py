"""The figures of reviews, counted a second time by plain programs."""

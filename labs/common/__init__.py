"""What labs share: families of runs, intervals, pictures in one style."""

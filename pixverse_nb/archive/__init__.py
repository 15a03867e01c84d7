"""Export and import of jobs with their videos, as one verified zip file."""

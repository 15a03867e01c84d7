"""What can be clicked: the picture slot, the form, the list of jobs and the studio; the one door to ipywidgets."""

"""What can be clicked: the studio with its form and its list of jobs, the gallery, the comparison.

The one door to ipywidgets, anywidget and traitlets.
"""

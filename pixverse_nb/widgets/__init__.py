"""The interactive widgets: the studio with its form and job list, the gallery and the comparison.

Only this package imports ipywidgets, anywidget and traitlets.
"""

"""Reports: one HTML file about a run, or about several runs side by side.

A report is made from the files of the runs alone; nothing is loaded or computed by a network.
"""

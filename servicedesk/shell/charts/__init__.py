"""The house's charts: a value becomes one Vega-Lite specification, a picture, a sentence and a table.

Everything here but `showing` is free of Flask, so that paper can be made where no request is.
"""

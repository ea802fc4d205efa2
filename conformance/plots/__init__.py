"""Pictures for people: ``./dev plots`` makes them from conformance/results/*.json.

bars       grouped bars as SVG: wall time, processor time, minima
pages      the pages that show them: conformance/results/README.md, and a part of the README
recording  a session in a terminal, recorded, as an animated SVG; the page of explain --html
           (``./dev plots --record``)
"""

"""Go's text/template, as far as ``--format`` needs it.

``Template(text).execute(data)`` fills a template in from what JSON can hold: dicts, lists, strings,
numbers, truth values and None. It takes actions, comments, trim markers, fields and chains of them,
variables, pipelines, parentheses, if, with and range with their else, break and continue, and the
functions of text/template and of Docker's commands; no templates within a template, and no methods.
pkg.go.dev/text/template says what each means. What differs, since data has no types here:

- A field that an object lacks is an error, as with a Go struct, if all names of the object begin
  with a capital letter; otherwise it has no value, as with a Go map.
- A key that ``index`` does not find has no value; among strings it is "", as Go's zero value.

lex         a template's text as tokens
parse       tokens as a tree
execute     the tree filled in
functions   what can be called
fmt         values as text: print, printf
errors      what is wrong, and where
"""

from hutch.cli.warren.go_template.errors import TemplateError
from hutch.cli.warren.go_template.execute import Template

__all__ = ["Template", "TemplateError"]

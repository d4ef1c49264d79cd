"""Write docs/parity.md: `python -m tests.parity`."""

from tests.parity.parity_table import PAGE, render_page

PAGE.write_text(render_page())

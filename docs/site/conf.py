"""The documentation as a site (`make docs`): docs/*.md, and what antsibull-docs makes of the plugins and roles."""

from __future__ import annotations

project = "whisperops.gpu"
author = "the whisperops.gpu founders"
project_copyright = f"2026, {author}"
html_title = project

extensions = ["myst_parser", "sphinx_antsibull_ext"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# Links lead to headings, as on GitHub.
myst_heading_anchors = 3
nitpicky = True

html_theme = "alabaster"
html_theme_options = {"description": "Speech-to-text servers that really use their GPU", "page_width": "70rem"}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_sphinx = False
html_copy_source = False
pygments_style = "ansible"

# Sections of Ansible's own documentation, which this site does not hold and does not ask the network for.
ANSIBLES = {"action_plugins", "ansible_configuration_settings", "callback_plugins", "common_return_values"}


def elsewhere(app, env, node, contnode):
    """A reference beyond this collection stays a text."""
    target = node.get("reftarget", "")
    foreign = target.startswith("ansible_collections.") and not target.startswith("ansible_collections.whisperops.gpu.")
    return contnode if foreign or target in ANSIBLES else None


def setup(app):
    app.connect("missing-reference", elsewhere)

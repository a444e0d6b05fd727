"""Makes ``ansible_collections.whisperops.gpu`` importable from this checkout, as Ansible itself does.

Under ansible-test this file finds the loader installed already and adds nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def _install_collection_loader() -> None:
    from ansible.utils.collection_loader import _collection_finder as finder

    if not any(isinstance(entry, finder._AnsibleCollectionFinder) for entry in sys.meta_path):
        finder._AnsibleCollectionFinder(paths=[str(CHECKOUT / ".collections")])._install()


if "ansible_collections.whisperops.gpu" not in sys.modules:
    try:
        import ansible_collections.whisperops.gpu
    except ImportError:
        _install_collection_loader()

"""All that `sandbox up` needs, in one folder. See bundle.py (using it), build.py (making it), catalogue.py (what)."""

from sandbox.kind.bundle.bundle import Bundle, Image
from sandbox.kind.bundle.layout import Layout, default_root
from sandbox.kind.bundle.part import Category, Part

__all__ = ["Bundle", "Category", "Image", "Layout", "Part", "default_root"]

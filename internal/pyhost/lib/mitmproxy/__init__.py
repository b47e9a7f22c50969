"""The names that addons import, as midstream offers them."""

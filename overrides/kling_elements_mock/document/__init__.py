"""The vendored OpenAPI document: what it says, and whether a value fits it."""

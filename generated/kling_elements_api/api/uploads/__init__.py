# Generated from spec/openapi.yaml by openapi-python-client. Do not edit: change spec/ and `make regenerate`.
"""Contains endpoint functions for accessing the API"""

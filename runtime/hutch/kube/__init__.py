"""Kubernetes' files: played as pods of warren, and made of them."""

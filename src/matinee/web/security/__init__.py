"""Protects visitors from forged requests, stolen cookies and foreign scripts."""

"""Is this document genuine?"""

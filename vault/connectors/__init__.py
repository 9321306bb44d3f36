"""Messages of the sources, in their own format, to RDF. Pure mapping."""

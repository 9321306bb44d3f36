"""RDF as values. The only package that imports RDF libraries."""

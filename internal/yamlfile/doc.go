// Package yamlfile reads what people write in YAML, so that each fault is told with its
// place.
//
//	config.yaml ──Read──► octets ──Parse──► documents (syntax trees)
//	                                           ├─ Scalar: a value as it is written
//	                                           └─ Place:  FILE:LINE:COLUMN
//
// What the trees mean is for its callers to say. Its functions may be called at once.
package yamlfile

// Package maplocal answers requests from files.
//
//	URL ──pattern──► rest of the path ──below the folder──► file ─► 200, 206 for a range
//	                                                  none ──────► 404
//
// Files are read from disk while they are sent, however large they are. Nothing
// outside the folder of a rule is ever read, whatever the URL or a link in the
// folder says. An Addon may be used from several goroutines at once.
package maplocal

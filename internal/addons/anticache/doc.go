// Package anticache makes servers send whole responses: it takes from requests
// what lets a server say that nothing has changed.
//
//	request ──If-None-Match, If-Modified-Since left out──► server
//
// An Addon may be used from several goroutines at once.
package anticache

// Package anticomp asks servers for content without a content coding.
//
//	request ──Accept-Encoding: identity──► server
//
// An Addon may be used from several goroutines at once.
package anticomp

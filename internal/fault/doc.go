// Package fault says what an error of a connection means, the same for every
// codec.
//
//	net.Conn's error ──CauseOf──► flow.Cause and words
//	a caller's cause ──Given────► *flow.Error
//
// It knows no protocol; what a cause becomes on the wire is each codec's own.
// Everything in it may be called at once.
package fault

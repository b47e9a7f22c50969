package flow

import "strconv"

// RPC is how a call of gRPC, gRPC-Web or Connect ended.
type RPC struct {
	// Protocol is "grpc", "grpc-web" or "connect".
	Protocol string
	// Code is the status code of gRPC, which Connect's codes map to; 0 is OK.
	Code uint32
	// Message is what the server said about it, percent-decoded.
	Message string
}

var rpcCodes = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// Name is the name of the code, its number where it has none.
func (r *RPC) Name() string {
	if int64(r.Code) < int64(len(rpcCodes)) {
		return rpcCodes[r.Code]
	}
	return strconv.FormatUint(uint64(r.Code), 10)
}

// RPCCode is the code of a name, false where it has none.
func RPCCode(name string) (uint32, bool) {
	for i, n := range rpcCodes {
		if EqualFold(n, name) {
			return uint32(i), true
		}
	}
	return 0, false
}

// String says it in one phrase: "grpc 5 NOT_FOUND: no such word".
func (r *RPC) String() string {
	s := r.Protocol + " " + strconv.FormatUint(uint64(r.Code), 10)
	if int64(r.Code) < int64(len(rpcCodes)) {
		s += " " + rpcCodes[r.Code]
	}
	if r.Message != "" {
		s += ": " + r.Message
	}
	return s
}

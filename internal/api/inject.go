package api

import (
	"errors"
	"net/http"

	"midstream/hook"
	"midstream/internal/addons/injection"
)

// maxInjected bounds a message that is put into a flow, in octets.
const maxInjected = 1 << 20

// postInject is POST /flows/{id}/inject.
func (s *Server) postInject(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		To string `json:"to"`
		Content
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.To != "client" && in.To != "server" {
		return badRequest("to=%q: say client or server", in.To)
	}
	octets, err := in.octets()
	if err != nil {
		return err
	}
	if octets == nil || len(octets) > maxInjected {
		return badRequest("give text or base64, at most 1 MiB")
	}
	n, err := s.flowNumber(r)
	if err != nil {
		return err
	}
	err = s.control.Injection().Send(r.Context(), n, hook.Injected{ToClient: in.To == "client", Text: in.Text != nil, Content: octets})
	if errors.Is(err, injection.ErrUnknown) || errors.Is(err, injection.ErrBusy) || errors.Is(err, hook.ErrSocketClosed) || errors.Is(err, hook.ErrTunnelClosed) {
		return conflict("%v", err)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

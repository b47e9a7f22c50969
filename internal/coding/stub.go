package coding

func Decode(name string, p []byte, limit int64) ([]byte, error) { panic("todo") }
func Encode(name string, p []byte) ([]byte, error)              { panic("todo") }
func DecodeText(contentType string, p []byte) (string, error)   { panic("todo") }
func EncodeText(contentType, s string) ([]byte, string)         { panic("todo") }

package api

import (
	"net/http"

	"github.com/gorilla/mux"

	"ecs-api/registry"
)

// imageRoutes adds the routes of images.
func (s *Server) imageRoutes(v1 *mux.Router) {
	v1.Handle("/images", handle(s, http.StatusOK, verifyImage, text("image"))).Methods(http.MethodHead)
	v1.Handle("/images", handle(s, http.StatusOK, showImage, text("image"))).Methods(http.MethodGet)
}

// showImage says whether a registry has the image, and if not, why.
func showImage(c call, _ none) (*registry.Image, error) {
	creds, err := registry.ParseCredentials(c.request.Header.Get(headerRegistry))
	if err != nil {
		return nil, err
	}
	return c.server.images.Verify(c.Context(), c.text("image"), creds)
}

// verifyImage succeeds if a registry has the image.
func verifyImage(c call, _ none) (none, error) {
	creds, err := registry.ParseCredentials(c.request.Header.Get(headerRegistry))
	if err != nil {
		return none{}, err
	}
	image, err := c.server.images.Head(c.Context(), c.text("image"), creds)
	if err == nil {
		err = image.Err()
	}
	return none{}, err
}

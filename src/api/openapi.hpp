// The API's description (OpenAPI 3.1), made of the table of routes.
#pragma once

#include <span>

#include "api/rest_route.hpp"

namespace api {

RestJson describe(std::span<const RestRoute> routes, std::string_view version);

}  // namespace api

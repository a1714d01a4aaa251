// /status.
#include "api/rest_route.hpp"

namespace api {

void add_status_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  routes.push_back({.method = "GET", .path = "/status", .scope = scope::kNone, .operation = "readStatus", .tag = "status",
                    .summary = "What the server is at", .description = "Any token will do.", .result = "Status",
                    .handler = [&backend](const RestCallPtr& call) {
                      backend.on_pbx([call, version = backend.version](pbx::Pbx& pbx) {
                        std::size_t participants = 0;
                        pbx.rooms().for_each([&](conference::Room& room) { participants += room.members(); });
                        call->answer.send(rest_answer(200, {{"version", version}, {"rooms", pbx.rooms().size()}, {"participants", participants}, {"calls", pbx.calls()},
                                                            {"registered", pbx.registrar().size()}, {"webphones", pbx.webphone().clients()}}));
                      });
                    }});
}

}  // namespace api

// /trunks: providers, and how they are.
#include "api/rest_route.hpp"

namespace api {

void add_trunk_routes(std::vector<RestRoute>& routes, const RestBackend& backend) {
  routes.push_back({.method = "GET", .path = "/trunks", .scope = scope::kTrunksRead, .operation = "listTrunks", .tag = "trunks",
                    .summary = "Trunks, and whether they are registered", .result = "TrunkList",
                    .handler = [&backend](const RestCallPtr& call) {
                      backend.on_pbx([call](pbx::Pbx& pbx) {
                        auto all = RestJson::array();
                        for (const auto& trunk : pbx.trunks().status()) {
                          RestJson one{{"name", trunk.name}, {"server", trunk.server}, {"registers", trunk.registers}, {"registered", trunk.registered},
                                       {"reachable", trunk.reachable}};
                          if (trunk.last_status != 0) one["lastStatus"] = trunk.last_status;
                          one["calls"] = trunk.calls;
                          all.push_back(std::move(one));
                        }
                        call->answer.send(rest_answer(200, {{"trunks", std::move(all)}}));
                      });
                    }});
}

}  // namespace api

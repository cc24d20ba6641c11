-- Who writes in this transaction, as current_actor() reads it; its row is found or made with the first row that is written.
-- Who views, as row policies read it; no case is held yet.
SELECT set_config('gridmgmt.actor', :actor, true), set_config('gridmgmt.actor_id', '', true),
       set_config('gridmgmt.viewer', :viewer, true), set_config('gridmgmt.held', '', true)

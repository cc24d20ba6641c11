-- Who views in this transaction, as row policies read it.
SELECT set_config('gridmgmt.viewer', :viewer, true), set_config('gridmgmt.held', '', true)

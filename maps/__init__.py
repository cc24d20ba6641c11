"""Map pages (专题地图): frames in, self-contained folium maps out. No database, no network, no tiles."""

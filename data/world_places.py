"""The places of the embedded world: facts of geography; the shares and the order are ours.

Each country has its adjective, the first year in which the generator lets somebody be born there,
its share of all births (any unit), and its places from the most to the least frequent.
"Leeds/Yorkshire" is the town and what may follow it after a comma ("Leeds, Yorkshire"); without a
slash the country follows. A "*" stands for the country's own name: some documents say no more.
Only ASCII, since the answers of the task are ASCII.
"""

# country: (adjective, since, share, places)
COUNTRIES = {
    "England": ("English", 1560, 15.5, """
        Birmingham, Manchester, Liverpool, Sheffield/Yorkshire, *, Leeds/Yorkshire, Bristol,
        Nottingham, Newcastle, Leicester, Hull/Yorkshire, Norwich/Norfolk, Plymouth/Devon,
        Oxford, Cambridge, Bradford/Yorkshire, Southampton/Hampshire, Portsmouth/Hampshire,
        Coventry, Derby, Brighton/Sussex, Exeter/Devon, Bolton/Lancashire, Sunderland,
        Yorkshire, Stockport, Preston/Lancashire, Ipswich/Suffolk, Bath/Somerset,
        Wakefield/Yorkshire, Cornwall, Devon, Blackburn/Lancashire, Huddersfield,
        Halifax/Yorkshire, Croydon/Surrey, Middlesbrough, Lincoln, Gloucester, Worcester,
        Chester, Canterbury/Kent, Dover/Kent, Burnley/Lancashire"""),
    "Scotland": ("Scottish", 1560, 4.4, """
        Glasgow, Edinburgh, Aberdeen, *, Dundee, Paisley, Perth, Greenock, Inverness,
        Dunfermline/Fife, Kilmarnock/Ayrshire, Falkirk, Stirling, Ayr,
        Motherwell/Lanarkshire, Kirkcaldy/Fife, Dumfries"""),
    "Wales": ("Welsh", 1560, 1.9, """
        Cardiff, Swansea, *, Newport, Wrexham, Llanelli, Bangor, Aberystwyth, Carmarthen,
        Pontypridd, Merthyr Tydfil"""),
    "Ireland": ("Irish", 1600, 3.0, """
        Dublin, Cork, *, Limerick, Galway, Waterford, Kilkenny, Drogheda, Sligo, Dundalk,
        Tralee, Ennis, Wexford"""),
    "Northern Ireland": ("Northern Irish", 1900, 1.1, """
        Belfast, Derry, Armagh, Lisburn, Newry, Omagh, Ballymena, Coleraine, Larne"""),
    "the United States": ("American", 1790, 24.0, """
        Chicago/Illinois, Philadelphia/Pennsylvania, Brooklyn/New York,
        Boston/Massachusetts, New York City, Baltimore/Maryland, Detroit/Michigan,
        Los Angeles/California, Cleveland/Ohio, Pittsburgh/Pennsylvania, Cincinnati/Ohio,
        St. Louis/Missouri, Minneapolis/Minnesota, New Orleans/Louisiana,
        Milwaukee/Wisconsin, Washington/D.C., San Francisco/California, Manhattan/New York,
        Dallas/Texas, Houston/Texas, Denver/Colorado, Atlanta/Georgia, Seattle/Washington,
        Buffalo/New York, Kansas City/Missouri, Newark/New Jersey, Memphis/Tennessee,
        Louisville/Kentucky, Oakland/California, Indianapolis/Indiana, Columbus/Ohio,
        San Diego/California, Rochester/New York, Nashville/Tennessee, Richmond/Virginia,
        Texas, Portland/Oregon, Providence/Rhode Island, Omaha/Nebraska,
        Charleston/South Carolina, Salt Lake City/Utah, Toledo/Ohio, Albany/New York,
        Hartford/Connecticut, Miami/Florida, Queens/New York, Birmingham/Alabama,
        Syracuse/New York, Akron/Ohio, Dayton/Ohio, Virginia, San Antonio/Texas,
        New Haven/Connecticut, Springfield/Illinois, Oklahoma City/Oklahoma, Tulsa/Oklahoma,
        Austin/Texas, Des Moines/Iowa, Phoenix/Arizona, Sacramento/California,
        Jersey City/New Jersey, Worcester/Massachusetts, Savannah/Georgia, Norfolk/Virginia,
        Lexington/Kentucky, Kentucky, Honolulu/Hawaii, Spokane/Washington, Wichita/Kansas,
        Tampa/Florida, Jacksonville/Florida, Mobile/Alabama, Knoxville/Tennessee,
        Scranton/Pennsylvania, Ohio, Trenton/New Jersey, Camden/New Jersey, Duluth/Minnesota"""),
    "Canada": ("Canadian", 1800, 5.0, """
        Toronto/Ontario, Montreal/Quebec, Vancouver, Winnipeg/Manitoba, Ottawa/Ontario, *,
        Calgary/Alberta, Edmonton/Alberta, Halifax/Nova Scotia, Hamilton/Ontario,
        Quebec City/Quebec, Saint John/New Brunswick, Regina/Saskatchewan, Victoria,
        Kingston/Ontario, Saskatoon, Windsor/Ontario, Sudbury/Ontario, Thunder Bay/Ontario,
        Guelph/Ontario"""),
    "Australia": ("Australian", 1840, 4.6, """
        Melbourne/Victoria, Sydney/New South Wales, Adelaide, Brisbane/Queensland,
        Hobart/Tasmania, *, Fremantle, Geelong/Victoria, Ballarat/Victoria,
        Bendigo/Victoria, Canberra, Wollongong, Townsville/Queensland, Launceston/Tasmania,
        Toowoomba/Queensland, Cairns/Queensland"""),
    "New Zealand": ("New Zealand", 1850, 1.6, """
        Auckland, Christchurch, Wellington, Dunedin, *, Invercargill, Napier, Nelson,
        Timaru, Gisborne, Rotorua"""),
    "South Africa": ("South African", 1850, 1.4, """
        Johannesburg, Cape Town, Durban, Pretoria, Port Elizabeth, *, Bloemfontein,
        Kimberley, Pietermaritzburg, Stellenbosch"""),
    "France": ("French", 1560, 7.4, """
        Paris, *, Lyon, Marseille, Bordeaux, Toulouse, Strasbourg, Lille, Rouen, Nice,
        Nantes, Rennes, Dijon, Grenoble, Reims, Montpellier, Metz, Nancy, Versailles,
        Le Havre, Brest, Angers, Tours, Limoges, Avignon"""),
    "Germany": ("German", 1560, 6.4, """
        Berlin, *, Hamburg, Munich/Bavaria, Leipzig/Saxony, Dresden/Saxony, Frankfurt,
        Cologne, Stuttgart, Bremen, Hanover, Nuremberg/Bavaria, Essen, Mannheim, Kassel,
        Augsburg/Bavaria, Mainz, Dortmund, Karlsruhe, Heidelberg, Bonn, Darmstadt, Aachen,
        Kiel, Rostock, Weimar, Erfurt"""),
    "Austria": ("Austrian", 1560, 2.2, """
        Vienna, Graz/Styria, Salzburg, Linz, Innsbruck/Tyrol, Klagenfurt, *, Bregenz,
        Villach"""),
    "Switzerland": ("Swiss", 1560, 1.7, """
        Zurich, Basel, Geneva, Bern, Lausanne, *, Lucerne, Winterthur, St. Gallen,
        Neuchatel, Lugano"""),
    "Italy": ("Italian", 1560, 5.4, """
        Rome, Milan, Naples, Turin, Florence/Tuscany, Venice, Genoa, Bologna,
        Palermo/Sicily, *, Trieste, Verona, Parma, Padua, Catania/Sicily, Bergamo/Lombardy,
        Siena/Tuscany, Pisa/Tuscany, Modena, Brescia/Lombardy, Lucca/Tuscany, Ferrara,
        Cremona/Lombardy, Mantua, Bari, Messina/Sicily, Pavia"""),
    "Spain": ("Spanish", 1560, 2.5, """
        Madrid, Barcelona/Catalonia, Seville/Andalusia, Valencia, *, Bilbao, Zaragoza,
        Granada/Andalusia, Salamanca, Pamplona, San Sebastian, Valladolid, Murcia,
        Santander, Oviedo"""),
    "Portugal": ("Portuguese", 1560, 1.0, """
        Lisbon, Porto, Coimbra, *, Braga, Funchal/Madeira, Faro, Evora"""),
    "the Netherlands": ("Dutch", 1560, 2.6, """
        Amsterdam, Rotterdam, The Hague, Utrecht, Leiden, Haarlem, Groningen, Delft, Arnhem,
        Eindhoven, Breda, Maastricht, Nijmegen"""),
    "Belgium": ("Belgian", 1560, 1.6, """
        Brussels, Antwerp, Ghent, *, Liege, Bruges, Leuven, Mechelen, Ostend, Namur"""),
    "Denmark": ("Danish", 1600, 1.4, """
        Copenhagen, Aarhus, *, Odense, Aalborg, Esbjerg, Roskilde, Viborg, Frederiksberg,
        Horsens"""),
    "Norway": ("Norwegian", 1650, 1.7, """
        Oslo, Bergen, Trondheim, *, Stavanger, Kristiansand, Drammen, Skien, Fredrikstad,
        Hamar"""),
    "Sweden": ("Swedish", 1600, 1.9, """
        Stockholm, Gothenburg, Uppsala, *, Lund, Karlstad, Kalmar, Falun, Helsingborg,
        Visby/Gotland, Sundsvall"""),
    "Finland": ("Finnish", 1750, 1.1, """
        Helsinki, Turku, Tampere, Vyborg, *, Oulu, Vaasa, Kuopio, Lahti"""),
    "Iceland": ("Icelandic", 1800, 0.4, "Reykjavik, Akureyri, *"),
    "Poland": ("Polish", 1600, 3.0, """
        Warsaw, Krakow, Lodz, Poznan, *, Gdansk, Wroclaw, Lublin, Katowice, Szczecin, Torun,
        Bydgoszcz, Radom, Kielce"""),
    "the Czech Republic": ("Czech", 1600, 1.3, """
        Prague, Brno/Moravia, Ostrava, Plzen, Olomouc/Moravia, Bohemia, Liberec,
        Karlovy Vary, Pardubice, Kladno"""),
    "Slovakia": ("Slovak", 1800, 0.6, "Bratislava, Kosice, Presov, Nitra, Trnava, *, Poprad"),
    "Hungary": ("Hungarian", 1650, 2.0, """
        Budapest, *, Szeged, Debrecen, Pest, Miskolc, Eger, Gyor, Sopron"""),
    "Romania": ("Romanian", 1750, 1.4, """
        Bucharest, Cluj, Iasi, *, Timisoara, Brasov, Sibiu, Craiova, Ploiesti, Galati"""),
    "Bulgaria": ("Bulgarian", 1800, 0.6, "Sofia, Plovdiv, *, Varna, Burgas, Ruse, Sliven"),
    "Serbia": ("Serbian", 1800, 0.8, """
        Belgrade, Novi Sad, *, Nis, Subotica, Kragujevac, Zemun, Pancevo"""),
    "Croatia": ("Croatian", 1750, 0.8, """
        Zagreb, Split, Dubrovnik, Rijeka, *, Osijek, Zadar, Pula"""),
    "Slovenia": ("Slovene", 1750, 0.4, "Ljubljana, Maribor, Celje, *, Kranj"),
    "Russia": ("Russian", 1700, 2.3, """
        Moscow, Saint Petersburg, *, Leningrad, Kazan, Saratov, Samara, Yekaterinburg, Perm,
        Omsk, Tomsk, Irkutsk, Smolensk, Tula"""),
    "Ukraine": ("Ukrainian", 1780, 1.2, """
        Kiev, Odessa, Lviv, *, Kharkiv, Poltava, Donetsk, Chernivtsi, Zhytomyr"""),
    "Belarus": ("Belarusian", 1850, 0.3, "Minsk, Vitebsk, Grodno, Gomel, Brest-Litovsk"),
    "Lithuania": ("Lithuanian", 1780, 0.5, "Vilnius, Kaunas, *, Klaipeda, Siauliai"),
    "Latvia": ("Latvian", 1780, 0.5, "Riga, Liepaja, *, Daugavpils, Jelgava"),
    "Estonia": ("Estonian", 1800, 0.4, "Tallinn, Tartu, *, Narva, Parnu"),
    "Greece": ("Greek", 1820, 1.1, """
        Athens, Thessaloniki, *, Patras, Corfu, Crete, Piraeus, Volos, Larissa"""),
    "Cyprus": ("Cypriot", 1880, 0.2, "Nicosia, Limassol, Larnaca"),
    "Turkey": ("Turkish", 1850, 1.2, """
        Istanbul, Ankara, Izmir, *, Constantinople, Bursa, Adana, Trabzon, Konya"""),
    "Armenia": ("Armenian", 1880, 0.3, "Yerevan, Gyumri, *"),
    "Georgia": ("Georgian", 1850, 0.3, "Tbilisi, Batumi, Kutaisi, Gori"),
    "Israel": ("Israeli", 1920, 0.7, "Tel Aviv, Jerusalem, Haifa, *, Jaffa, Beersheba"),
    "Lebanon": ("Lebanese", 1870, 0.4, "Beirut, Tripoli, *, Sidon, Zahle"),
    "Syria": ("Syrian", 1880, 0.25, "Damascus, Aleppo, *, Homs, Latakia"),
    "Iraq": ("Iraqi", 1900, 0.3, "Baghdad, Basra, Mosul, *"),
    "Iran": ("Iranian", 1850, 0.8, """
        Tehran, Isfahan, Shiraz, *, Tabriz, Mashhad, Rasht, Abadan"""),
    "Egypt": ("Egyptian", 1850, 0.8, "Cairo, Alexandria, *, Port Said, Luxor, Suez"),
    "Morocco": ("Moroccan", 1890, 0.3, "Casablanca, Rabat, Tangier, Fez, *, Marrakesh"),
    "Algeria": ("Algerian", 1860, 0.4, "Algiers, Oran, Constantine, *, Annaba"),
    "Tunisia": ("Tunisian", 1890, 0.2, "Tunis, Sfax, Sousse"),
    "Nigeria": ("Nigerian", 1910, 0.6, """
        Lagos, Ibadan, *, Kano, Enugu, Benin City, Kaduna, Jos"""),
    "Ghana": ("Ghanaian", 1910, 0.35, "Accra, Kumasi, *, Cape Coast, Tamale"),
    "Kenya": ("Kenyan", 1910, 0.35, "Nairobi, Mombasa, *, Eldoret, Nakuru"),
    "Ethiopia": ("Ethiopian", 1920, 0.2, "Addis Ababa, Harar, *, Gondar"),
    "Uganda": ("Ugandan", 1920, 0.2, "Kampala, Entebbe, Jinja"),
    "Senegal": ("Senegalese", 1920, 0.25, "Dakar, Saint-Louis, *, Thies"),
    "Zimbabwe": ("Zimbabwean", 1920, 0.3, "Harare, Bulawayo, *, Mutare"),
    "India": ("Indian", 1800, 2.4, """
        Calcutta, Bombay, Delhi, *, Madras, Pune, Bangalore, Hyderabad, Lucknow, Allahabad,
        Kerala, Varanasi, Jaipur, Mysore, Amritsar/Punjab"""),
    "Pakistan": ("Pakistani", 1947, 0.6, """
        Karachi, Rawalpindi, Peshawar, *, Multan, Quetta, Sialkot"""),
    "Bangladesh": ("Bangladeshi", 1950, 0.25, "Dhaka, Chittagong, Sylhet, *"),
    "Sri Lanka": ("Sri Lankan", 1900, 0.45, "Colombo, Kandy, Galle, *, Jaffna"),
    "China": ("Chinese", 1850, 1.6, """
        Shanghai, Beijing, *, Hong Kong, Tianjin, Guangzhou, Nanjing, Harbin, Hangzhou,
        Wuhan, Shenyang"""),
    "Taiwan": ("Taiwanese", 1920, 0.3, "Taipei, *, Kaohsiung, Tainan"),
    "Japan": ("Japanese", 1850, 1.7, """
        Tokyo, Osaka, Kyoto, Yokohama, *, Nagoya, Kobe, Hiroshima, Nagasaki, Sapporo,
        Fukuoka"""),
    "South Korea": ("South Korean", 1920, 0.6, "Seoul, Busan, *, Incheon, Daegu, Gwangju"),
    "the Philippines": ("Filipino", 1880, 0.4, "Manila, Cebu, Quezon City, Davao, Iloilo"),
    "Indonesia": ("Indonesian", 1900, 0.35, "Jakarta, Bandung, *, Surabaya, Medan"),
    "Malaysia": ("Malaysian", 1930, 0.25, "Kuala Lumpur, Penang, Ipoh, *"),
    "Singapore": ("Singaporean", 1930, 0.25, "*"),
    "Mexico": ("Mexican", 1800, 1.1, """
        Mexico City, Guadalajara, *, Monterrey, Puebla, Veracruz, Tijuana, Oaxaca, Merida"""),
    "Argentina": ("Argentine", 1810, 1.2, """
        Buenos Aires, Rosario, *, La Plata, Mendoza, Tandil, Salta, Mar del Plata"""),
    "Uruguay": ("Uruguayan", 1830, 0.4, "Montevideo, *, Salto, Paysandu"),
    "Brazil": ("Brazilian", 1820, 1.2, """
        Rio de Janeiro, Sao Paulo, *, Recife, Salvador, Porto Alegre, Curitiba, Santos,
        Belo Horizonte"""),
    "Chile": ("Chilean", 1820, 0.5, "Santiago, Valparaiso, *, Antofagasta, Temuco"),
    "Colombia": ("Colombian", 1830, 0.4, "Bogota, Cali, Barranquilla, *, Cartagena"),
    "Peru": ("Peruvian", 1830, 0.35, "Lima, Arequipa, *, Cuzco"),
    "Venezuela": ("Venezuelan", 1830, 0.35, "Caracas, Maracaibo, *"),
    "Cuba": ("Cuban", 1850, 0.45, "Havana, *, Matanzas"),
    "Jamaica": ("Jamaican", 1880, 0.5, "Kingston, *, Montego Bay, Spanish Town"),
    "Trinidad": ("Trinidadian", 1900, 0.25, "Port of Spain, *, San Fernando"),
    "Barbados": ("Barbadian", 1900, 0.2, "Bridgetown, *"),
}

# How much more often a place is a birthplace than its rank in its country says.
BOOST = {"Paris": 8.5, "Chicago": 0.9, "Birmingham": 0.55, "Manchester": 0.75}

# Places that documents name beside the birthplace, and that are no answers: most are not ASCII.
ELSEWHERE = """
    Malmö, Düsseldorf, Göttingen, Tübingen, Würzburg, Saarbrücken, Münster, Lübeck, Besançon,
    Orléans, Nîmes, Saint-Étienne, Córdoba, Málaga, Cádiz, A Coruña, Medellín, Asunción, Québec,
    Gävle, Linköping, Örebro, Växjö, Jyväskylä, Hämeenlinna, Tønsberg, Ålesund, Helsingør, Køge,
    Pécs, České Budějovice, Częstochowa, Białystok, Škofja Loka, Šibenik, Bad Ischl, Davos,
    Menton, Torquay, Bournemouth, Cheltenham, Harrogate, Pebble Beach, Palo Alto, Princeton,
    Ithaca, Ann Arbor, Berkeley, Aspen, Woods Hole, Interlaken, Capri, Fiesole, Nauvoo, Sedalia,
    Marquette, Laramie, Dawson City, Alice Springs, Ladysmith, Darjeeling"""

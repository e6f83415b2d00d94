"""The names of the embedded world: which parts there are; make_world.py puts them together.

One entry per culture: its share of the people, where they are mostly born (countries of
world_places.py with weights), given names and family names from the most to the least frequent,
and stems and endings from which the rarer family names are made ("Ash" + "combe"), with the share
of family names "made" that way. "Kenji:健二" is a name and its native spelling; "_" is a blank.
The people are invented; likeness to the living or the dead is chance.
"""

CULTURES = {
    "anglo": {
        "share": 62,
        "home": """
            England:30, the United States:44, Canada:8, Australia:8, New Zealand:2.5,
            South Africa:2, Jamaica:1, Wales:2, Barbados:0.5, Trinidad:0.5""",
        "male": """
            John William George Thomas Robert Charles David James Richard Michael Peter Henry
            Edward Paul Joseph Arthur Frank Frederick Samuel Daniel Stephen Mark Alan Andrew
            Walter Albert Kenneth Benjamin Martin Harry Alexander Brian Philip Alfred Jack
            Francis Christopher Simon Donald Jim Ronald Anthony Patrick Bill Tom Steve Ernest
            Herbert Edwin Ralph Roger Nicholas Lewis Eric Howard Raymond Douglas Sidney Bob
            Matthew Jonathan Geoffrey Nathaniel Leonard Jeremy Harold Gordon Percy Hugh
            Theodore Isaac Joe Mike Chris Gary Graham Nathan Russell Eugene Clarence Norman
            Keith Adam Tim Ben Leslie Stanley Dennis Derek Ray Bruce Neil Scott Nigel Lawrence
            Horace Reginald Jacob Elijah Abraham Ebenezer Josiah Silas Amos Ezra Jasper Rufus
            Luther Marcus Julian Adrian Oscar Felix Basil Cecil Cyril Clement Clifford Vernon
            Vincent Victor Wallace Warren Wilfred Winston Wyndham Roland Rupert Roderick
            Quentin Piers Orlando Noel Miles Maurice Lionel Lester Lance Kirk Kevin Justin
            Jerome Ivor Humphrey Hubert Hector Guy Giles Gilbert Gerald Gavin Fergus Everett
            Ellis Duncan Dudley Denzil Darren Cuthbert Conrad Colin Clive Chester Barnaby
            Augustus Aubrey Archibald Ambrose Alistair Algernon Tobias Thaddeus Sylvester
            Septimus Barry Craig Curtis Dale Dean Earl Floyd Glenn Jerry Larry Lloyd Randall
            Roy Terry Travis Troy Wade Wayne Zachary Hiram Homer Ira Levi Orville Otis Virgil""",
        "female": """
            Mary Elizabeth Margaret Anne Sarah Susan Jane Helen Alice Florence Emily Catherine
            Dorothy Edith Ruth Barbara Patricia Jennifer Linda Caroline Charlotte Eleanor
            Frances Harriet Grace Julia Laura Louise Lucy Martha Nancy Rebecca Rachel Victoria
            Kate Emma Hannah Joan Judith Karen Kathleen Marjorie Marion Matilda Mildred Miriam
            Muriel Olive Penelope Phyllis Rosalind Rosemary Sylvia Ursula Vera Violet Winifred
            Abigail Adelaide Agnes Amelia Audrey Beatrice Bridget Cecily Clara Constance
            Cordelia Daphne Diana Doris Esther Ethel Evelyn Fanny Freda Georgina Gertrude
            Gillian Hazel Hester Ida Imogen Irene Iris Ivy Jemima Jessica Josephine Joyce
            Lavinia Leah Lilian Lydia Mabel Maud Molly Naomi Nora Pamela Philippa Prudence
            Sally Sheila Stella Tabitha Thelma Wanda Wendy Zoe Amy Angela Beth Carol Cheryl
            Deborah Donna Erin Gail Heather Holly""",
        "family": """
            Smith Brown Johnson Williams Taylor Wright White Allen Stone Moore Jones Wilson
            Clark Walker Davis Harris Cooper Baker Hill Green Parker Turner King Carter
            Thompson Miller Hughes Evans Roberts Edwards Lewis Ward Cook Bell Bailey Mason
            Palmer Webb Hunt Rogers Knight Butler Barnes Fisher Foster Russell Price Bennett
            Powell Dixon Fletcher Chapman Marsh Holmes Pearce Rhodes Lowe Gibbs Chambers
            Fuller Nash Pratt Sharp Frost Vaughan Hobbs Sutherland Rowe Blake Quick Tanner
            Weaver Potter Sawyer Glover Hooper Thatcher Wheeler Tyler Porter Spencer Archer
            Bowman Carver Chandler Draper Faulkner Forester Gardiner Harper Mercer Naylor
            Osborne Paige Reeve Sadler Skinner Slater Sumner Trotter Usher Wainwright Whittle
            Yeoman Abbott Bishop Pope Monk Prior Sexton Dean Squire Earle Noble Savage Wilde
            Swift Strong Armstrong Goodman Peacock Partridge Nightingale Finch Crane Heron
            Swan Drake Gosling Lamb Hogg Bullock Fox Pugh Rees Morgan Llewellyn Prosser Gwynne
            Bevan Jenkins Parry Probert Tudor Trevelyan Penrose Tregear Pascoe Nance
            Polkinghorne Trelawney Washington Freeman Booker Gaines Tubman Boone Crockett
            Dawes Ives Otis Peabody Thayer Winslow Alden Mather Endicott Revell""",
        "stems": """
            Ash Ald Amb Barn Beck Bex Black Blyth Brad Bram Brent Brock Brom Burn Cal Carl
            Chal Clay Cliff Cob Cold Crow Dal Den Dun East Ell Fair Farn Fen Gar Gold Graf
            Grim Had Hal Ham Hard Hart Hasel Hath Hay Hazel Hen Hol Horn Ink Kel Ken Kirk Lang
            Law Lin Lock Lud Mal Marl Mel Mid Mil Mor Nether New Nor North Nut Oak Old Ox Pem
            Pick Pres Rad Raven Red Rother Rush Shel Sher Ship Stain Stan Stock Strat Sut Swin
            Thorn Tun Under Wake Wal Wat Wel Wes Whit Wick Wil Win Wolver Wood Wy Yel Apple
            Birch Bran Cran Dray Elder Fern Glen Hather Kings Lea Maple Pen Quar""",
        "endings": """
            ton ley ford ham worth well field by man croft brook bourne combe cott den don
            gate hurst land mere more ridge shaw stead stone wick ing son bury grave how wood
            thorpe bridge""",
        "made": 0.76,
    },
    "gaelic": {
        "share": 9,
        "home": """
            Scotland:45, Ireland:30, Northern Ireland:8, the United States:9, Canada:4,
            Australia:4""",
        "male": """
            John James William Alexander Patrick Robert Michael Thomas Hugh Andrew Donald
            Duncan Malcolm Angus Ian Kenneth Daniel Dennis Liam Sean Brendan Declan Cormac
            Eamon Fergus Fintan Kieran Niall Colm Seamus Padraig Roddy Ewan Callum Craig
            Gregor Hamish Lachlan Murdo Neil Ronan Rory Stuart Torquil Archibald Barney Conor
            Dermot Desmond Séamus Seán Pádraic Tomás""",
        "female": """
            Mary Margaret Bridget Catherine Janet Isobel Fiona Flora Sheila Morag Aileen
            Eilidh Kirsty Maeve Moira Nuala Orla Sinead Siobhan Una Grainne Deirdre Mhairi
            Elspeth Jean Róisín Máire""",
        "family": """
            Campbell Stewart Murphy Kelly Murray Robertson Fraser Scott Kennedy Walsh Byrne
            Ryan Burke Doyle Gallagher Doherty Quinn Nolan Brennan Flynn Daly Whelan Duffy
            Cullen Keane Foley Casey Hogan Lynch Power Sheehan Tierney Tully Fahy Devlin
            Rafferty Gilmartin Kilbride Gilchrist Buchanan Cameron Cunningham Dalgleish
            Drummond Farquhar Galbraith Guthrie Innes Kinloch Lennox Menzies Moncrieff Ogilvie
            Pitcairn Ramsay Rennie Ruthven Sinclair Strachan Urquhart Wemyss Abercrombie
            Auchterlonie Balfour Carmichael Dalrymple Elphinstone Forsyth Geddes Haldane
            O'Brien O'Connell O'Neill O'Hara O'Keeffe O'Leary O'Loughlin O'Malley O'Meara
            O'Reilly O'Riordan O'Rourke O'Sullivan O'Toole O'Dwyer O'Flaherty O'Grady
            O'Halloran O'Hanlon""",
        "stems": "Mac Mc",
        "endings": """
            Allister Andrew Ardle Aulay Bain Cabe Callum Cann Carthy Caskill Conville Cormack
            Crae Crory Cullough Dermott Diarmid Donagh Donald Dougall Dowell Duff Elroy Evoy
            Fadden Farlane Gahan Gilvray Ginty Glashan Gowan Grath Gregor Ilroy Innes Intyre
            Keever Kellar Kendrick Kenna Keown Lachlan Laren Larnon Lean Leish Lennan Leod
            Mahon Manus Master Menamin Mullan Murtry Nab Namara Naughton Neill Nulty Phail
            Pherson Quaid Queen Rory Sharry Shane Sorley Sweeney Taggart Tavish Vicar Vey
            Whirter Williams""",
        "made": 0.4,
    },
    "french": {
        "share": 6.5,
        "home": "France:70, Belgium:10, Switzerland:7, Canada:10, Algeria:3",
        "male": """
            Jean Pierre Louis Charles Jacques Henri Paul François André Philippe Michel Claude
            Georges Antoine Marcel René Émile Étienne Gérard Raymond Maurice Lucien Olivier
            Nicolas Laurent Guy Yves Alain Albert Alphonse Anatole Armand Auguste Bertrand
            Édouard Eugène Fabien Fernand Gaston Gilles Guillaume Gustave Hippolyte Honoré
            Hugues Jules Léon Luc Mathieu Octave Pascal Quentin Robert Roland Sébastien Serge
            Théodore Thierry Victor Xavier Jean-Luc Jean-Paul Jean-Baptiste Pierre-Yves Marc""",
        "female": """
            Marie Jeanne Louise Anne Marguerite Claire Hélène Simone Suzanne Madeleine
            Geneviève Colette Juliette Émilie Yvonne Denise Sophie Camille Catherine Céline
            Nathalie Odile Sylvie Thérèse""",
        "family": """
            Martin Bernard Dubois Petit Durand Leroy Moreau Simon Laurent Lefebvre Roux
            Fournier Girard Mercier Blanc Guérin Boyer Garnier Chevalier François Legrand
            Gauthier Perrin Robin Clément Morin Renard Marchand Lemaire Dumas Brunet Colin
            Vidal Picard Renaud Aubert Bourgeois Caron Delmas Fabre Gaillard Huet Jacquet
            Kessel Lacroix Maillard Noël Olivier Pelletier Quesnel Rivière Sauvage Tessier
            Vasseur Weill Tremblay Gagnon Bouchard Côté Fortin Lévesque""",
        "stems": """
            Beau Bel Bois Bon Champ Court Fond Font Grand Haut Long Mal Mau Mont Neu Outre
            Pierre Prud Roche Rouge Val Vau Vieu Ville Clair Dur Fort Gran Mar Mir""",
        "endings": """
            champ court fort mont pré ville vert rieux lieu brun clair bert gny nard main roy
            castel marin sac vigne range val nois lac bois""",
        "made": 0.62,
    },
    "german": {
        "share": 7,
        "home": "Germany:66, Austria:17, Switzerland:11, the United States:6",
        "male": """
            Hans Karl Johann Friedrich Wilhelm Heinrich Hermann Otto Franz Ernst Georg Ludwig
            Max Paul Walter Werner Helmut Günther Jürgen Klaus Rudolf Josef Fritz Kurt Gustav
            Albrecht Andreas Anton Arnold Bernd Bruno Christian Christoph Dieter Eberhard
            Erich Ewald Felix Gerhard Gottfried Harald Hartmut Horst Jakob Jörg Konrad Leopold
            Lothar Manfred Matthias Moritz Norbert Oskar Ralf Reinhard Rolf Ruprecht Siegfried
            Stefan Theodor Thomas Ulrich Uwe Volker Wolfgang""",
        "female": """
            Anna Maria Elisabeth Margarete Clara Charlotte Johanna Gertrud Helga Ingrid Ursula
            Käthe Luise Hedwig Hannelore Renate Sabine Katharina Mathilde Ottilie Annette
            Monika Petra Ulrike""",
        "family": """
            Müller Schmidt Schneider Fischer Weber Wagner Becker Schulz Hoffmann Koch Richter
            Klein Wolf Neumann Schwarz Braun Zimmermann Krüger Hartmann Lange Krause Lehmann
            König Huber Kaiser Fuchs Scholz Möller Weiß Jung Hahn Vogel Schubert Winkler
            Lorenz Baumann Albrecht Schuster Simon Böhm Winter Kraus Schumacher Stein Jäger
            Otto Sommer Seidel Heinrich Brandt Haas Graf""",
        "stems": """
            Ahl Auer Bach Berg Birk Blum Brand Buch Burg Dorn Eber Eich Eisen Falken Feld Fels
            Frei Fried Gold Grün Hag Hart Heil Helm Hirsch Hohen Holz Kalt Kirch Klein Kron
            Lang Laub Linden Loh Mark Mittel Neu Ober Ochsen Rosen Roth Sand Schön Silber
            Stein Stern Tann Thal Unter Wald Weid Weiss Wein Wester Wiesen Wind Winkel""",
        "endings": """
            mann bach berg er meier feld hoff stein thal hardt müller heim haus ner rich kamp
            holt wald dorf brecht burg mayer ling""",
        "made": 0.66,
    },
    "italian": {
        "share": 5.5,
        "home": "Italy:84, the United States:8, Argentina:4, Switzerland:4",
        "male": """
            Giovanni Giuseppe Antonio Francesco Carlo Luigi Pietro Paolo Mario Marco Andrea
            Angelo Roberto Alessandro Vincenzo Domenico Franco Bruno Giorgio Enrico Filippo
            Giacomo Lorenzo Luca Matteo Salvatore Sergio Stefano Ugo Umberto Vittorio Alberto
            Achille Bartolomeo Benedetto Bernardo Claudio Dario Emilio Ercole Fabio Federico
            Gaetano Gianni Girolamo Guido Nicola Ottavio Renzo""",
        "female": """
            Maria Anna Giulia Francesca Lucia Teresa Elena Chiara Caterina Giovanna Laura
            Paola Rosa Silvia Valentina Bianca Carla Eleonora Ornella Serena Vittoria""",
        "family": """
            Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo
            Conti Costa Giordano Mancini Rizzo Lombardi Moretti Barbieri Fontana Santoro
            Mariani Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli Vitale
            Serra Coppola""",
        "stems": """
            Albert Angel Bald Barb Bass Batt Bell Bern Bert Bon Bosc Brun Cam Cant Capp Cast
            Cavall Cer Colomb Corr Dond Fabr Falc Fior Font Frances Gall Ghirl Gramm Guarn
            Lanz Lazz Lod Lucch Magn Malat Mant Marc Mart Mazz Mol Mont Nard Orl Pag Pal Parm
            Pasqu Pell Petr Pic Raf Sacch Salv Sant Sassol Spin Tad Tosc Trev Val Vent Vign
            Zamb Zan""",
        "endings": "ini elli etti acci oni ucci ardi ese ani otti ori ato aro esi in",
        "made": 0.62,
    },
    "iberian": {
        "share": 6,
        "home": """
            Spain:30, Portugal:11, Mexico:13, Argentina:12, Brazil:12, Chile:6, Uruguay:4,
            Colombia:4, Peru:3, Venezuela:3, Cuba:4, the Philippines:2""",
        "male": """
            José Juan Carlos Manuel Antonio Luis Francisco Miguel Pedro Jorge Rafael Fernando
            Alberto Javier Ramón Andrés Diego Enrique Eduardo Ricardo Roberto Pablo Alejandro
            Alfonso Álvaro Ángel Arturo Baltasar Benito Camilo Cristóbal Domingo Emilio
            Esteban Federico Felipe Gonzalo Gustavo Héctor Hernán Ignacio Jaime João Joaquín
            Julio Leandro Marcos Mateo Nicolás Octavio Óscar Raúl Rodrigo Salvador Santiago
            Sergio Tomás Vicente Paulo Henrique""",
        "female": """
            María Ana Carmen Isabel Teresa Rosa Elena Lucía Pilar Beatriz Dolores Mercedes
            Inés Juana Cristina Esperanza Gabriela Leonor Luisa Marta Paula Rocío Sofía
            Victoria""",
        "family": """
            García Fernández González Rodríguez López Martínez Sánchez Pérez Gómez Martín
            Silva Santos Ruiz Díaz Moreno Álvarez Romero Alonso Gutiérrez Navarro Torres Ramos
            Gil Ramírez Serrano Blanco Molina Morales Suárez Ortega Delgado Castro Ortiz Rubio
            Marín Iglesias Medina Cortés Castillo Garrido Guerrero Lozano Cano Prieto Méndez
            Cruz Gallego Vidal Herrera Peña Cabrera Campos Vega Fuentes Carrasco Reyes Aguilar
            Pastor Vargas Pereira Oliveira Costa Carvalho Almeida Ribeiro Pinto Teixeira
            Moreira Barros Figueiredo Azevedo Tavares Nogueira Queiroz""",
        "stems": """
            Arre Aguirre Alba Arana Barra Bel Cal Campo Casa Cer Eche Egui Fon Gara Goico Iri
            Iza Lara Lei Lla Mendi Mira Mon Ola Orte Pal Quin Ribe Sala Sar Tor Uri Val Vera
            Villa Za""",
        "endings": """
            garay gui zabal mendi rra rreta verde monte seca nueva zuela dino nos vides ño ldo""",
        "made": 0.5,
    },
    "nordic": {
        "share": 6.5,
        "home": "Norway:26, Sweden:29, Denmark:22, Finland:14, Iceland:5, the United States:4",
        "male": """
            Johan Karl Lars Erik Anders Per Nils Olof Gustaf Jens Hans Peter Søren Niels
            Christian Knut Ole Håkon Bjørn Arne Einar Gunnar Harald Ivar Leif Magnus Odd Rolf
            Sigurd Svein Thor Trygve Axel Bengt Bo Claes Göran Hjalmar Ingmar Jörgen Kjell
            Mats Sten Sven Torsten Ulf Åke Aage Ejnar Frode Henrik Holger Jeppe Mogens Otto
            Palle Steen Vagn Eero Jukka Kari Matti Pekka Timo Väinö""",
        "female": """
            Anna Karin Ingrid Kristina Maria Astrid Birgit Eva Greta Inger Kirsten Liv Marit
            Ragnhild Signe Sigrid Solveig Turid Ulla Åse Aino Helvi Kaarina Hanne Gudrun Märta""",
        "family": """
            Hansen Johansson Andersson Nielsen Olsen Larsen Jensen Eriksson Pedersen Karlsson
            Nilsson Andersen Christensen Johansen Berg Rasmussen Persson Haugen Sørensen
            Kristiansen Svensson Mortensen Poulsen Halvorsen Bakke Solberg Moen Strand Lie
            Dahl Lund Holm Aas Bruun Krogh Korhonen Virtanen Nieminen Mäkelä Laine Heikkinen
            Koskinen Järvinen Rautio Lehtonen Salonen Björnsson Einarsson Gunnarsson Helgason
            Sigurdsson""",
        "stems": """
            Ahl Alm Berg Björk Blom Boren Bratt Brem Dahl Ed Ek Eng Fager Fors Gran Grön Hag
            Hall Ham Hauge Hed Hell Holm Hög Kvarn Lager Lilje Lind Ljung Lund Malm Mell Myr
            Nor Ny Ost Rosen Ryd Sand Segel Sjö Skog Sol Stav Sten Ström Sund Söder Tall Thorn
            Tveit Vest Vik Wall Wester Ør""",
        "endings": """
            berg gren kvist lund man mark qvist stedt ström vall dahl blad holm rud stad vik
            sen bäck hammar felt nes""",
        "made": 0.62,
    },
    "polish": {
        "share": 2.7,
        "home": "Poland:84, Lithuania:5, the United States:8, Ukraine:3",
        "male": """
            Jan Stanisław Józef Andrzej Tadeusz Jerzy Marek Piotr Adam Wojciech Antoni
            Kazimierz Henryk Tomasz Zbigniew Bogdan Czesław Feliks Ignacy Janusz Karol Leszek
            Maciej Mieczysław Paweł Ryszard Stefan Witold Zygmunt""",
        "female": "Maria Anna Zofia Helena Irena Jadwiga Krystyna Halina Wanda Agnieszka Ewa",
        "family": """
            Nowak Wójcik Kaczmarek Mazur Kowal Zając Król Wieczorek Wróbel Dudek Stępień Malik
            Pawlak Sikora Walczak Baran Duda Szewczyk Pietrzak Marciniak""",
        "stems": """
            Adam Bar Biał Bogd Bor Brzez Chmiel Cies Czar Dąb Dobr Dom Gaj Gór Grab Jab Jan
            Jar Jas Kal Kam Koch Kop Kor Kras Kurz Lip Lub Mal Mich Mod Ost Ol Pac Piotr Pod
            Raj Rom Rog Sad Sob Stan Szym Tom Urb Wasil Wierzb Wil Wiśni Zal Zaw""",
        "endings": "owski iński ewicz owicz czyk ecki ański ak ek icki orski ewski",
        "made": 0.66,
    },
    "czech": {
        "share": 1.6,
        "home": "the Czech Republic:66, Slovakia:26, Austria:8",
        "male": """
            František Václav Jiří Josef Karel Milan Miloš Jaroslav Ondřej Zdeněk Pavel Petr
            Vladimír Bohuslav Antonín Ladislav Bedřich Otakar Dušan Ján""",
        "female": "Hana Jana Alena Božena Věra Ludmila Teresa Marie Eliška",
        "family": """
            Novák Dvořák Svoboda Černý Procházka Kučera Veselý Horák Němec Marek Pospíšil
            Hájek Jelínek Král Růžička Beneš Fiala Kovář Holub Sedlák Kříž""",
        "stems": """
            Baš Bar Brož Čap Doh Doub Drob Hav Hol Hrab Hub Chal Jan Kol Kos Krat Lip Mach Mal
            Mat Mik Pech Pol Rez Sed Sklen Smet Stan Tich Tom Vac Vond Zel""",
        "endings": "ek ka áček ík ák ský ovský ina oš al ec ánek il",
        "made": 0.6,
    },
    "russian": {
        "share": 3.2,
        "home": "Russia:64, Ukraine:23, Belarus:5, Estonia:2, Latvia:2, Israel:4",
        "male": """
            Ivan:Иван Alexander:Александр Sergei:Сергей Vladimir:Владимир Nikolai:Николай
            Mikhail:Михаил Alexei:Алексей Dmitri:Дмитрий Pavel:Павел Viktor:Виктор
            Andrei:Андрей Boris:Борис Anatoly:Анатолий Yuri:Юрий Vasily:Василий
            Konstantin:Константин Oleg:Олег Igor:Игорь Leonid:Леонид Grigory:Григорий
            Fyodor:Фёдор Georgi:Георгий Stepan:Степан Yakov:Яков Maxim:Максим Valery:Валерий
            Roman:Роман Semyon:Семён Lev:Лев Bogdan:Богдан Taras:Тарас""",
        "female": """
            Anna:Анна Maria:Мария Elena:Елена Olga:Ольга Natalia:Наталья Tatiana:Татьяна
            Irina:Ирина Vera:Вера Lyudmila:Людмила Galina:Галина Nina:Нина Ekaterina:Екатерина
            Sofia:София""",
        "family": """
            Ivanov:Иванов Smirnov:Смирнов Kuznetsov:Кузнецов Popov:Попов Sokolov:Соколов
            Lebedev:Лебедев Novikov:Новиков Morozov:Морозов Volkov:Волков Pavlov:Павлов
            Orlov:Орлов Makarov:Макаров Kovalenko:Коваленко Shevchuk:Шевчук""",
        "stems": """
            Abram:Абрам Akim:Аким Alfer:Алфер Anos:Анос Bal:Бал Bar:Бар Bel:Бел Berez:Берез
            Bobr:Бобр Bul:Бул Chern:Черн Danil:Данил Demid:Демид Dolg:Долг Dor:Дор Erm:Ерм
            Fom:Фом Gavril:Гаврил Gol:Гол Gon:Гон Gor:Гор Gur:Гур Kal:Кал Kar:Кар Kir:Кир
            Kol:Кол Kon:Кон Kor:Кор Kras:Крас Krav:Крав Kud:Куд Lap:Лап Lar:Лар Luk:Лук
            Mak:Мак Mal:Мал Mat:Мат Mel:Мел Mor:Мор Nazar:Назар Od:Од Osip:Осип Pan:Пан
            Plat:Плат Pol:Пол Rod:Род Rom:Ром Sav:Сав Sem:Сем Ser:Сер Sid:Сид Sin:Син Sol:Сол
            Tar:Тар Tim:Тим Tok:Ток Ust:Уст Var:Вар Vor:Вор Yak:Як Zim:Зим""",
        "endings": """
            ov:ов ev:ев in:ин enko:енко ovich:ович yuk:юк kov:ков sky:ский anov:анов kin:кин""",
        "made": 0.7,
    },
    "serbian": {
        "share": 1.3,
        "home": "Serbia:40, Croatia:30, Slovenia:16, Bulgaria:14",
        "male": """
            Milan:Милан Dragan:Драган Zoran:Зоран Stefan:Стефан Miroslav:Мирослав
            Nikola:Никола Petar:Петар Jovan:Јован Ivo:Иво Branko:Бранко Goran:Горан
            Dušan:Душан""",
        "female": "Ana:Ана Jelena:Јелена Marija:Марија Vesna:Весна Mira:Мира Ivana:Ивана",
        "family": """
            Petrović:Петровић Jovanović:Јовановић Nikolić:Николић Kovač:Ковач Horvat:Хорват
            Babić:Бабић Marković:Марковић""",
        "stems": """
            Andr:Андр Bog:Бог Brank:Бранк Dav:Дав Dim:Дим Filip:Филип Gavr:Гавр Ivan:Иван
            Jak:Јак Luk:Лук Mil:Мил Mil:Мил Mit:Мит Niš:Ниш Pav:Пав Rad:Рад Sim:Сим Stan:Стан
            Stef:Стеф Tod:Тод Vas:Вас Vuk:Вук""",
        "endings": "ović:овић ić:ић anović:ановић ačić:ачић ov:ов ec:ец",
        "made": 0.65,
    },
    "hungarian": {
        "share": 1.7,
        "home": "Hungary:88, Romania:6, Slovakia:6",
        "male": """
            István László József Ferenc János Sándor György Gábor Zoltán Tibor Miklós Béla
            Imre Lajos Ákos Pál Gyula Ernő Jenő Attila Péter""",
        "female": "Mária Erzsébet Ilona Katalin Éva Zsuzsa Ágnes",
        "family": """
            Nagy Kovács Tóth Szabó Horváth Varga Kiss Molnár Németh Farkas Balogh Papp Takács
            Juhász Lakatos Mészáros Oláh Simon Rácz Fekete Szilágyi Török Fehér Gál Kelemen
            Bárány Halász""",
        "stems": """
            Alm Bán Bart Bod Cseh Dob Er Földv Gerg Haj Hal Kár Kend Ker Kocs Lend Mak Mohol
            Nád Nyír Pán Pest Rák Sárk Sop Szeg Szent Tam Vad Vár Zal""",
        "endings": "ási ényi ós ai ódi andi esi ányi",
        "made": 0.45,
    },
    "romanian": {
        "share": 1.1,
        "home": "Romania:93, the United States:3, France:4",
        "male": """
            Ion Gheorghe Nicolae Constantin Mihai Alexandru Vasile Andrei Radu Mircea Tudor
            Ștefan Dan Emil Liviu""",
        "female": "Elena Ioana Ana Maria Cristina Mihaela",
        "family": "Popa Ionescu Dumitru Stan Radu Marin Munteanu Rusu Moldovan Lungu Sava Manea",
        "stems": """
            Adam Anton Barbul Brat Căl Const Diacon Dobr Filip Georg Grigor Iliad Lup Marin
            Mih Nicul Păun Petr Popovic Rad Stef Tod Vasil Vlad Zah""",
        "endings": "escu eanu aru oiu",
        "made": 0.62,
    },
    "greek": {
        "share": 1.0,
        "home": "Greece:76, Cyprus:15, the United States:5, Australia:4",
        "male": """
            Georgios Dimitris Konstantinos Nikos Yannis Panagiotis Spyros Kostas Stavros
            Christos Andreas Nikolaos Aristides Theodoros""",
        "female": "Eleni Katerina Sophia Vasiliki",
        "family": "Georgiou Nikolaidis Pappas Economou Vlachos Makris Galanis Alexiou",
        "stems": """
            Anagnost Anast Andri Athanas Christ Demetr Diamant Gian Ioann Kara Konstant Lambr
            Mich Nik Pap Pavl Petr Stav Stef Theod Vas Zacharo""",
        "endings": "opoulos idis akis ou iadis atos",
        "made": 0.75,
    },
    "dutch": {
        "share": 3,
        "home": "the Netherlands:70, Belgium:20, South Africa:10",
        "male": """
            Jan Pieter Willem Cornelis Hendrik Johannes Jacob Dirk Gerrit Adriaan Bart Hans
            Kees Piet Theo Wim Maarten Jeroen Joost Koen Daan Ruud Sjaak Frans Lodewijk Anton
            Gerard Hugo Rembert""",
        "female": """
            Anna Maria Johanna Cornelia Elisabeth Wilhelmina Hendrika Saskia Marijke Femke
            Anneke Els""",
        "family": """
            Jansen Visser Smit Meijer Mulder Bos Vos Peters Hendriks Dekker Brouwer Dijkstra
            Smits Kok Jacobs Vermeulen Schouten Willems Hoekstra Koster Prins Huisman Peeters
            Maes Claes Goossens Wouters Pretorius Botha Steyn""",
        "stems": "Van_ Van_der_ De_ Van_den_ Van_de_",
        "endings": """
            Berg Beek Broek Brink Bosch Burg Dam Dijk Doorn Eyck Goor Graaf Haan Heide Hoek
            Horst Hout Kamp Laan Leeuw Lind Loon Meer Molen Poel Putten Rijn Schoot Spek Steen
            Veen Velde Vliet Vries Waal Weide Wiel Zande Zwart""",
        "made": 0.6,
    },
    "arabic": {
        "share": 3.2,
        "home": """
            Iran:22, Egypt:18, Lebanon:11, Syria:7, Iraq:8, Morocco:8, Algeria:7, Tunisia:5,
            Pakistan:10, Bangladesh:4""",
        "male": """
            Mohammed Ahmed Ali Hassan Hussein Omar Ibrahim Mahmoud Khalid Yusuf Abbas Adel
            Amir Anwar Aziz Bilal Farid Faisal Habib Hamid Ismail Jamal Karim Majid Mansour
            Mustafa Nabil Nasser Rashid Reza Saeed Salim Samir Tariq Walid Yasser Zaki Dariush
            Bahram""",
        "female": """
            Fatima Leila Amina Samira Nadia Shirin Nasrin Salma Huda Rania Maryam Farah Yasmin
            Zahra""",
        "family": """
            Khan Hassan Ahmed Ali Hussain Ibrahim Rahman Saleh Mansour Nasser Haddad Khoury
            Sabbagh Najjar Qasim Shaheen Bakri Darwish Fahmy Ghanem Hashemi Jaber Kanaan
            Malouf Nasri Omari Rahimi Sadeghi Shirazi Tehrani Zand Benali Bouazza Chaoui Ziani
            Tazi Chowdhury Siddiqui Malik Qureshi""",
        "stems": "Al- El- Ben_ Bou Abu_ Abdel_",
        "endings": """
            Amrani Ansari Asmar Attar Azzawi Bashir Dabbagh Fares Fassi Ghazali Hakim Halabi
            Hamdi Idrissi Jabri Jazairi Kader Karam Katib Khatib Masri Mokhtar Nahas Qadi
            Rafai Rahim Salam Sayed Shami Sharif Tabari Tahir Wahab Yamani Zahran Zein""",
        "made": 0.4,
    },
    "turkish": {
        "share": 1.0,
        "home": "Turkey:88, Cyprus:6, Germany:6",
        "male": """
            Mehmet Cem Orhan Kemal Hakan Mustafa Ahmet Ali Hüseyin Murat Burak Selim Tuncay
            Emre""",
        "female": "Zeynep Ayşe Elif Fatma Sevgi",
        "family": "Yılmaz Kaya Demir Çelik Şahin Öztürk Aydın Arslan Doğan Koç",
        "stems": "Ak Altın Boz Çam Demir Er Gök Gün Kara Kır Koç Öz Sarı Taş Tek Uz",
        "endings": "türk taş kaya oğlu soy bulut demir er dağ kan tepe çelik",
        "made": 0.65,
    },
    "indian": {
        "share": 3.2,
        "home": "India:80, Sri Lanka:9, Pakistan:4, Trinidad:3, South Africa:2, Malaysia:2",
        "male": """
            Ram Rajesh Krishna Mohan Anil Sanjay Ashok Vijay Ravi Suresh Arun Gopal Hari
            Jagdish Kiran Lakshman Mahesh Narayan Prakash Raj Ramesh Satish Shankar Subhash
            Sunil Vikram Vinod Arjun Bhaskar Chandra Deepak Ganesh Kamal Madhav Nitin Pradeep
            Rohan Tarun Uday Venkat""",
        "female": """
            Lakshmi Sita Indira Kamala Meera Radha Sarojini Shanta Usha Anjali Deepa Geeta
            Kavita Nandini Padma Sunita""",
        "family": """
            Singh Sharma Gupta Kumar Patel Das Roy Sen Ghosh Bose Reddy Nair Menon Pillai Rao
            Iyer Iyengar Desai Joshi Kulkarni Mehta Shah Verma Mishra Pandey Chatterjee
            Mukherjee Banerjee Dutta Nayak Perera Fernando Silva Jayasuriya Bandara
            Wickremasinghe Gunawardena""",
        "stems": """
            Agar Bal Bhatt Chakra Deva Gana Hema Jaya Kala Madha Naga Padma Rama Sastri Siva
            Surya Venka Vija""",
        "endings": """
            wal varty swamy nathan murthy raman kar pathi rajan sundaram dhar charya palan
            tesan mani""",
        "made": 0.45,
    },
    "japanese": {
        "share": 2.4,
        "home": "Japan:92, the United States:5, Brazil:3",
        "male": """
            Kenji:健二 Takashi:隆 Hiroshi:浩 Ichiro:一郎 Makoto:誠 Akira:明 Jun:純 Shigeru:茂
            Koji:浩二 Masao:正夫 Osamu:修 Satoshi:聡 Saburo:三郎 Tadashi:正 Yoshio:義男
            Isamu:勇 Minoru:実""",
        "female": """
            Yoko:洋子 Keiko:恵子 Haruko:春子 Michiko:美智子 Akiko:明子 Naomi:直美 Sachiko:幸子""",
        "family": """
            Sato:佐藤 Suzuki:鈴木 Takahashi:高橋 Ito:伊藤 Watanabe:渡辺 Kobayashi:小林
            Kato:加藤""",
        "stems": """
            Yama:山 Taka:高 Matsu:松 Naka:中 Mori:森 Kita:北 Nishi:西 Ishi:石 Hashi:橋 Fuji:藤
            Iwa:岩 Kawa:川 Oka:岡 Shima:島 Sugi:杉 Take:竹 Ueno:上野 Mura:村 Toku:徳 Hama:浜
            Aki:秋 Kuro:黒""",
        "endings": """
            moto:本 da:田 shima:島 mura:村 guchi:口 hara:原 no:野 ki:木 yama:山 zawa:沢
            mizu:水 saki:崎""",
        "made": 0.8,
    },
    "chinese": {
        "share": 2.3,
        "home": "China:76, Taiwan:11, Singapore:7, Malaysia:4, the United States:2",
        "male": """
            Wei Ming Jun Hao Guowei Jianhua Zhiyuan Wenbo Dehua Xiaoming Shaoqi Bojun Yongkang
            Zhenhai Tianyi Chengwu Guangming Haoran Jinlong Kaiwen""",
        "female": "Li Mei Xiuying Yan Fang Lijuan Meiling Xiaohong Yulan Jing",
        "family": """
            Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo
            Zheng Liang Xie Song Tang Deng Feng Han Cao Peng Zeng Xiao Tian Dong Pan Yuan Cai
            Jiang Yu Du Ong Goh Teo""",
        "stems": "Ou Si Zhu Shang Gong Huang",
        "endings": "yang ma ge guan sun fu",
        "made": 0.06,
    },
    "korean": {
        "share": 0.9,
        "home": "South Korea:92, the United States:8",
        "male": """
            Min-ho Sung-jin Jae-won Young-soo Dong-hyun Sang-woo Hyun-woo Kyung-min Chang-ho
            Tae-young""",
        "female": "Ji-young Soo-jin Eun-ju Hye-rin Mi-sook",
        "family": "Kim Lee Park Choi Jeong Kang Cho Yoon Jang Lim Shin Kwon Hwang Ahn",
        "stems": "Nam Je Dok",
        "endings": "gung gal go",
        "made": 0.03,
    },
    "westafrican": {
        "share": 1.3,
        "home": "Nigeria:55, Ghana:29, Senegal:16",
        "male": """
            Samuel Emmanuel Joseph Daniel David Kwame Kofi Chinedu Emeka Ade Tunde Babatunde
            Femi Ibrahim Musa Ousmane Mamadou Moussa""",
        "female": "Grace Mercy Ama Abena Ngozi Chioma Folake Aminata Fatou",
        "family": """
            Mensah Owusu Boateng Asante Osei Appiah Okafor Eze Nwosu Adeyemi Balogun Okonkwo
            Bello Musa Diop Ndiaye Fall Sow Diallo""",
        "stems": "Ade Ola Ogun Oye Nwa Oko Chi Ayo Olu Aki",
        "endings": """
            bayo wale sola niyi kunle dele gbemi tola ronke chukwu jide moye kanmi yinka fela""",
        "made": 0.4,
    },
    "eastafrican": {
        "share": 1.0,
        "home": "Kenya:33, South Africa:22, Ethiopia:15, Uganda:15, Zimbabwe:15",
        "male": """
            Abebe Haile Tesfaye Kipchoge Wilson Julius Peter Sipho Themba Tendai Tatenda Farai
            Moses Isaac Godfrey Ephraim Joseph Daniel""",
        "female": "Miriam Tirunesh Nomsa Esther Ruth Grace Mary",
        "family": """
            Kamau Mwangi Otieno Odhiambo Kiprono Cheruiyot Rotich Bekele Tadesse Girma
            Mulugeta Okello Mukasa Ssali Nkosi Dlamini Khumalo Mokoena Moyo Ncube Chikwanha""",
        "stems": "Kip Che Ki Mu Wa Nya Ma O",
        "endings": "rui koech lagat rono tai nyua thui riuki gabe wanga chira",
        "made": 0.4,
    },
}
